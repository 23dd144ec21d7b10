-- id: ZJ-R8
-- colour: red
-- clause: 一
-- title.zh: 疫情严重地区旅居史
-- title.en: Stay in a severe region
-- ends.zh: 该地区解除严重等级、解除区域隔离，或离开后满十四日，以先者为准
-- ends.en: the severe tier is lifted, release from region isolation, or 14 full days after leaving, whichever is first
SELECT
  s.person,
  s.begins_at AS since,
  LEAST(s.tier_until, MIN(i.ended_at), day_end(s.departure, $region_days)) AS until,
  s.fact AS cause
FROM stays_judged s
LEFT JOIN isolations i
  ON i.person = s.person
  AND i.basis = 'region'
  AND i.outcome = 'released'
  AND i.ended_at >= s.begins_at
  AND i.started_at >= add_days(s.begins_at, -$release_lead_days)
WHERE s.tier = 'severe' AND s."match" IN ('exact', 'within')
GROUP BY s.person, s.fact, s.begins_at, s.tier_until, s.departure
