-- id: ZJ-R5
-- colour: red
-- clause: 一(一)
-- title.zh: 境外入境人员
-- title.en: Entry from abroad
-- ends.zh: 离境外末日后满十四日，或解除入境隔离，以先者为准
-- ends.en: end of the 14th full day after the last day overseas, or release from entry isolation, whichever is first
SELECT
  e.person,
  e.entered_at AS since,
  LEAST(day_end(COALESCE(e.last_overseas_at, e.entered_at), $entry_days), MIN(i.ended_at)) AS until,
  e.fact AS cause
FROM entries e
LEFT JOIN isolations i
  ON i.person = e.person
  AND i.basis = 'entry'
  AND i.outcome = 'released'
  AND i.ended_at >= e.entered_at
  AND i.started_at >= add_days(e.entered_at, -$release_lead_days)
GROUP BY e.person, e.fact, e.entered_at, e.last_overseas_at
