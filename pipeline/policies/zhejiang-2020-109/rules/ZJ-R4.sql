-- id: ZJ-R4
-- colour: red
-- clause: 一(一)
-- title.zh: 密切接触者
-- title.en: Close contact
-- ends.zh: 解除接触者隔离（末次接触后满十四日应解除）；或其后成为病例并出院
-- ends.en: release from contact isolation (due 14 full days after the last exposure); or a later discharge as a case
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
    OR (i.started_at <= c.determined_at AND i.ended_at >= c.due)
  )
LEFT JOIN cases k
  ON k.person = c.person
  AND k.classification <> 'excluded'
  AND k.determined_at > c.last_exposure_at
  AND k.discharged_at >= c.determined_at
WHERE c.degree = 'close'
GROUP BY c.person, c.fact, c.determined_at, c.due
