-- id: Z22-Y4
-- colour: yellow
-- clause: 黄码(二)
-- title.zh: 与病例同乘的一般接触者
-- title.en: General contact aboard with a case
-- ends.zh: 判定且末次接触满一日后采样的核酸阴性报告，或末次接触后满七日，以先者为准
-- ends.en: a negative report, sampled once determined and a day after the exposure; or 7 full days after it
SELECT
  c.person,
  c.determined_at AS since,
  LEAST(MIN(t.reported_at), c.due) AS until,
  c.fact AS cause
FROM contacts_judged c
LEFT JOIN tests t
  ON t.person = c.person
  AND t.method = 'nat'
  AND t.result = 'negative'
  AND t.sampled_at >= GREATEST(c.determined_at, add_days(c.last_exposure_at, $exposure_test_days))
WHERE c.degree = 'general' AND c.origin = 'conveyance'
GROUP BY c.person, c.fact, c.determined_at, c.due
