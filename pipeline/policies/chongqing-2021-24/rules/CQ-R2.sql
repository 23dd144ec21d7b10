-- id: CQ-R2
-- colour: red
-- clause: 第十一条
-- title.zh: 出院后集中隔离康复人员
-- title.en: Discharged, in centralised recovery isolation
-- ends.zh: 该集中隔离终止
-- ends.en: the end of that centralised isolation
SELECT c.person, c.discharged_at AS since, i.ended_at AS until, i.due_at AS due, facts(c.fact, i.fact) AS cause
FROM cases c
JOIN isolations i
  ON i.person = c.person
  AND i.basis = 'recovery'
  AND i.stage = 'centralised'
  AND i.started_at >= add_days(c.discharged_at, -$recovery_start_before_days)
  AND i.started_at <= add_days(c.discharged_at, $recovery_start_after_days)
WHERE c.classification IN ('confirmed', 'asymptomatic', 'suspected', 'repositive')
