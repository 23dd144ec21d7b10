-- view: cases_judged
-- about.zh: 未排除的病例；康复隔离应解除时刻与实际解除时刻
-- about.en: cases not excluded, with the instant recovery isolation is due to end and the release from it
SELECT
  c.person,
  c.fact,
  c.classification,
  c.determined_at,
  day_end(c.discharged_at, $recovery_days) AS due,
  MIN(i.ended_at) AS released_at
FROM cases c
LEFT JOIN isolations i
  ON i.person = c.person
  AND i.basis = 'recovery'
  AND i.outcome = 'released'
  AND i.ended_at >= c.discharged_at
  AND (
    i.started_at >= add_days(c.discharged_at, -$release_lead_days)
    -- or under way at the discharge, and ended at due or up to a day before it
    OR (
      i.started_at <= c.discharged_at
      AND i.ended_at > c.discharged_at
      AND i.ended_at >= add_days(day_end(c.discharged_at, $recovery_days), -$due_lead_days)
    )
  )
WHERE c.classification <> 'excluded'
GROUP BY c.person, c.fact, c.classification, c.determined_at, c.discharged_at
