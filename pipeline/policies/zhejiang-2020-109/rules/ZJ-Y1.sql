-- id: ZJ-Y1
-- colour: yellow
-- clause: 一(二), 二(二)
-- title.zh: 发热
-- title.en: Fever
-- ends.zh: 有流行病学史的：排查清除；无的：症状消失、排查清除、核酸阴性报告，或满十四日，以先者为准
-- ends.en: with history: clearance; without: recovery, clearance, a negative report or 14 full days
SELECT
  f.person,
  f.onset_at AS since,
  CASE
    WHEN f.exposures > 0 THEN f.cleared_at
    ELSE LEAST(f.resolved_at, f.cleared_at, MIN(t.reported_at), day_end(f.onset_at, $fever_days))
  END AS until,
  day_end(f.onset_at, $fever_days) AS due,
  f.fact AS cause
FROM fevers f
LEFT JOIN tests t
  ON t.person = f.person
  AND t.method = 'nat'
  AND t.result = 'negative'
  AND t.sampled_at >= f.onset_at
GROUP BY f.person, f.fact, f.onset_at, f.resolved_at, f.cleared_at, f.exposures
