-- id: NP-Y2
-- colour: yellow
-- clause: 问题二(五)
-- title.zh: 与病例同乘入境
-- title.en: Entered the country aboard with a case
-- ends.zh: 入境后满十四日
-- ends.en: 14 full days after the entry
SELECT
  c.person,
  c.determined_at AS since,
  day_end(MAX(e.entered_at), $contact_days) AS until,
  c.fact AS cause
FROM contacts_aboard c
JOIN entries e
  ON e.person = c.person
  AND e.entered_at >= c.last_exposure_at
  AND e.entered_at <= add_days(c.last_exposure_at, $entry_days)
GROUP BY c.person, c.fact, c.determined_at
