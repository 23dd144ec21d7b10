-- id: R1
-- colour: red
-- clause: 第一条
-- title.zh: 确诊病例
-- title.en: Confirmed case
-- ends.zh: 出院
-- ends.en: discharge
SELECT c.person, c.determined_at AS since, c.discharged_at AS until, c.fact AS cause
FROM cases c
WHERE c.classification = 'confirmed'
