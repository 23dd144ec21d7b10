-- id: Z22-Y3
-- colour: yellow
-- clause: 黄码(二)
-- title.zh: 中高风险地区旅居史
-- title.en: Stay in a medium, high or severe region
-- ends.zh: 离开后采样的核酸阴性报告，或离开前外省四十八小时内核酸阴性报告，或离开后满七日；未离开（且未解除等级）不止
-- ends.en: a negative sampled after leaving, or in another province 48 h before, or 7 full days; not while there
SELECT
  s.person,
  s.begins_at AS since,
  LEAST(MIN(t.reported_at), day_end(s.departure, $region_days)) AS until,
  day_end(s.departure, $region_days) AS due,
  s.fact AS cause
FROM stays_judged s
LEFT JOIN tests t
  ON t.person = s.person
  AND t.method = 'nat'
  AND t.result = 'negative'
  AND s.departure IS NOT NULL
  AND (
    t.sampled_at >= s.departure
    OR (
      t.sampled_at >= GREATEST(s.arrived_at, add_hours(s.departure, -$outside_test_hours))
      AND t.issuer_region NOT LIKE $home_province || '%'
    )
  )
GROUP BY s.person, s.fact, s.begins_at, s.departure
