-- view: symptoms_judged
-- about.zh: 发热、呼吸困难、呼吸道症状及其发病前规定天数内的流行病学史条数
-- about.en: three symptoms, with the number of exposures in the days before the onset
SELECT s.person, s.fact, s.onset_at, s.resolved_at, s.cleared_at, COUNT(x.fact) AS exposures
FROM symptoms s
LEFT JOIN exposures x
  ON x.person = s.person
  AND x.first_at <= s.onset_at
  AND (x.over_at IS NULL OR x.over_at > add_days(day(s.onset_at), -$history_days))
WHERE s.symptom IN ('fever', 'dyspnoea', 'respiratory')
GROUP BY s.person, s.fact, s.onset_at, s.resolved_at, s.cleared_at
