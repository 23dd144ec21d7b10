-- id: T-Y1
-- colour: yellow
-- clause: 二
-- title.zh: 接触者
-- title.en: Contact
-- ends.zh: 满规定天数
-- ends.en: the days of the degree are over
SELECT x.person, x.determined_at AS since, x.due AS until, x.due, x.fact AS cause
FROM exposed x
JOIN degrees d ON d.degree = x.degree
