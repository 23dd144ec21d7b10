-- id: ZJ-R3
-- colour: red
-- clause: 一(一)
-- title.zh: 无症状感染者、复阳人员
-- title.en: Asymptomatic infection or positive again
-- ends.zh: 出院后，康复隔离解除（满十四日应解除）；未出院不止
-- ends.en: release from recovery isolation after discharge (due 14 full days after it); not before discharge
SELECT c.person, c.determined_at AS since, c.released_at AS until, c.due, c.fact AS cause
FROM cases_judged c
WHERE c.classification IN ('asymptomatic', 'repositive')
