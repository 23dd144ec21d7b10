-- id: NP-Y3
-- colour: yellow
-- clause: 问题二(七)
-- title.zh: 中高风险地区旅居史
-- title.en: Stay in a medium, high or severe region
-- ends.zh: 离开（或解除等级）后满十四日；未离开且未解除不止
-- ends.en: 14 full days after leaving or the lifting of the tier; not while there
SELECT
  s.person,
  s.begins_at AS since,
  day_end(s.departure, $region_days) AS until,
  s.fact AS cause
FROM stays_judged s
