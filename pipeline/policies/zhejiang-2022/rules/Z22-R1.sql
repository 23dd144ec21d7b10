-- id: Z22-R1
-- colour: red
-- clause: 红码(一)
-- title.zh: 确诊、疑似病例，无症状感染者，复阳人员
-- title.en: Confirmed, suspected or asymptomatic case, or positive again
-- ends.zh: 出院
-- ends.en: discharge
SELECT c.person, c.determined_at AS since, c.discharged_at AS until, c.fact AS cause
FROM cases c
WHERE c.classification IN ('confirmed', 'asymptomatic', 'suspected', 'repositive')
