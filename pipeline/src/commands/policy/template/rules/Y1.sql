-- id: Y1
-- colour: yellow
-- clause: 第二条
-- title.zh: 密切接触者
-- title.en: Close contact
-- ends.zh: 末次接触后满规定天数
-- ends.en: so many full days after the last exposure
SELECT
  c.person,
  c.determined_at AS since,
  day_end(c.last_exposure_at, $contact_days) AS until,
  day_end(c.last_exposure_at, $contact_days) AS due,
  c.fact AS cause
FROM contacts c
WHERE c.counts AND c.degree = 'close'
