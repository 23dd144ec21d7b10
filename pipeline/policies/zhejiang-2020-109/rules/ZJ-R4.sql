-- id: ZJ-R4
-- colour: red
-- clause: 一(一)
-- title.zh: 密切接触者
-- title.en: Close contact
-- ends.zh: 解除接触者隔离（末次接触后满十四日应解除）；或本人作为病例出院（认定及末次接触之后）
-- ends.en: release from contact isolation (due 14 full days after exposure), or discharge as a case after determination and exposure
SELECT
  c.person,
  c.determined_at AS since,
  LEAST(MIN(i.ended_at), MIN(k.discharged_at)) AS until,
  c.due,
  c.fact AS cause
FROM contacts_judged c
LEFT JOIN isolations i
  ON i.person = c.person
  AND i.basis = 'contact'
  AND i.outcome = 'released'
  AND i.ended_at >= c.determined_at
  AND (
    i.started_at >= add_days(c.determined_at, -$release_lead_days)
    -- or under way at the determination, and ended at due or up to a day before it
    OR (
      i.started_at <= c.determined_at
      AND i.ended_at > c.determined_at
      AND i.ended_at >= add_days(c.due, -$due_lead_days)
    )
  )
LEFT JOIN cases k
  ON k.person = c.person
  AND k.classification <> 'excluded'
  AND k.discharged_at >= GREATEST(c.determined_at, c.last_exposure_at)
WHERE c.degree = 'close'
GROUP BY c.person, c.fact, c.determined_at, c.due
