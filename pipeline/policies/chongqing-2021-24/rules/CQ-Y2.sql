-- id: CQ-Y2
-- colour: yellow
-- clause: 第十二条
-- title.zh: 中高风险地区来渝返渝人员
-- title.en: Stay in a medium, high or severe region
-- ends.zh: 解除区域隔离，或离开（或解除等级）后满十四日；未离开且未解除不止
-- ends.en: release from region isolation, or 14 full days after leaving or the lifting of the tier; not while there
SELECT
  s.person,
  s.begins_at AS since,
  LEAST(MIN(i.ended_at), day_end(s.departure, $region_days)) AS until,
  day_end(s.departure, $region_days) AS due,
  s.fact AS cause
FROM stays_judged s
LEFT JOIN isolations i
  ON i.person = s.person
  AND i.basis = 'region'
  AND i.outcome = 'released'
  AND i.ended_at >= s.begins_at
  AND (
    i.started_at >= add_days(s.begins_at, -$release_lead_days)
    -- or under way at the start, and ended at due or up to a day before it
    OR (
      i.started_at <= s.begins_at
      AND i.ended_at > s.begins_at
      AND i.ended_at >= add_days(day_end(s.departure, $region_days), -$due_lead_days)
    )
  )
GROUP BY s.person, s.fact, s.begins_at, s.departure
