-- id: T-R1
-- colour: red
-- clause: 一
-- title.zh: 确诊病例
-- title.en: Confirmed case
-- ends.zh: 解除隔离
-- ends.en: release from isolation
SELECT c.person, c.determined_at AS since, MIN(i.ended_at) AS until, c.fact AS cause
FROM cases c
LEFT JOIN isolations i ON i.person = c.person AND i.ended_at >= c.determined_at
WHERE c.classification = 'confirmed'
GROUP BY c.person, c.fact, c.determined_at
