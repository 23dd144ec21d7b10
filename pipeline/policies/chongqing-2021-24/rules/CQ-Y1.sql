-- id: CQ-Y1
-- colour: yellow
-- clause: 第十二条
-- title.zh: 发热、呼吸困难或呼吸道症状，且有流行病学史
-- title.en: Fever, dyspnoea or respiratory symptom with epidemiological history
-- ends.zh: 排查清除
-- ends.en: clearance by the investigation
SELECT
  s.person,
  s.onset_at AS since,
  s.cleared_at AS until,
  day_end(s.onset_at, $symptom_days) AS due,
  facts(s.fact, x.fact) AS cause
FROM symptoms s
JOIN exposures x
  ON x.person = s.person
  AND x.first_at <= s.onset_at
  AND (x.over_at IS NULL OR x.over_at > add_days(day(s.onset_at), -$history_days))
WHERE s.symptom IN ('fever', 'dyspnoea', 'respiratory')
