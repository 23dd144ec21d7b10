-- id: NP-R1
-- colour: red
-- clause: 问题二(二)
-- title.zh: 确诊、疑似病例
-- title.en: Confirmed or suspected case
-- ends.zh: 出院；未出院不止
-- ends.en: discharge; open before it
SELECT c.person, c.determined_at AS since, c.discharged_at AS until, c.fact AS cause
FROM cases c
WHERE c.classification IN ('confirmed', 'suspected')
