-- id: Z22-Y1
-- colour: yellow
-- clause: 黄码(一)
-- title.zh: 发热、呼吸困难或呼吸道症状
-- title.en: Fever, dyspnoea or respiratory symptom
-- ends.zh: 有流行病学史的：排查清除；无的：症状消失、排查清除、核酸阴性报告，或满七日，以先者为准
-- ends.en: with history: clearance; without: recovery, clearance, a negative report or 7 full days
SELECT
  s.person,
  s.onset_at AS since,
  CASE
    WHEN s.exposures > 0 THEN s.cleared_at
    ELSE LEAST(s.resolved_at, s.cleared_at, MIN(t.reported_at), day_end(s.onset_at, $symptom_days))
  END AS until,
  day_end(s.onset_at, $symptom_days) AS due,
  s.fact AS cause
FROM symptoms_judged s
LEFT JOIN tests t
  ON t.person = s.person
  AND t.method = 'nat'
  AND t.result = 'negative'
  AND t.sampled_at >= s.onset_at
GROUP BY s.person, s.fact, s.onset_at, s.resolved_at, s.cleared_at, s.exposures
