-- id: CQ-R6
-- colour: red
-- clause: 第十五条
-- title.zh: 入境人员（按国家和时段分类）
-- title.en: Entry from abroad, by country and period
-- ends.zh: 入境后满分类天数，或解除入境隔离，以先者为准
-- ends.en: end of the full days of the class, or release from entry isolation, whichever is first
SELECT
  e.person,
  e.entered_at AS since,
  LEAST(day_end(e.entered_at, e.days), MIN(i.ended_at)) AS until,
  e.fact AS cause
FROM entries_classed e
LEFT JOIN isolations i
  ON i.person = e.person
  AND i.basis = 'entry'
  AND i.outcome = 'released'
  AND i.ended_at >= e.entered_at
  AND i.started_at >= add_days(e.entered_at, -$release_lead_days)
GROUP BY e.person, e.fact, e.entered_at, e.days
