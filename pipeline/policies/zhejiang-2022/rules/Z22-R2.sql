-- id: Z22-R2
-- colour: red
-- clause: 红码(二)
-- title.zh: 密切接触者
-- title.en: Close contact
-- ends.zh: 同乘密接满七日止；其他：解除接触者隔离或转健康监测（末次接触后满七日应解除）；已在健康监测的，满七日止；或本人作为病例出院
-- ends.en: found aboard: at due; else release or transfer to monitoring (due 7 full days after exposure); monitored: at due; discharge as a case
SELECT
  c.person,
  c.determined_at AS since,
  LEAST(
    MIN(k.discharged_at),
    MIN(CASE WHEN i.stage = 'monitoring' THEN c.due ELSE i.ended_at END),
    -- who was found by a conveyance alone waits for no release
    CASE WHEN c.origin = 'conveyance' THEN c.due END
  ) AS until,
  c.due,
  c.fact AS cause
FROM contacts_judged c
LEFT JOIN cases k
  ON k.person = c.person
  AND k.classification <> 'excluded'
  AND k.discharged_at >= GREATEST(c.determined_at, c.last_exposure_at)
LEFT JOIN isolations i
  ON i.person = c.person
  AND i.basis = 'contact'
  AND CASE
    WHEN i.stage = 'monitoring' THEN
      -- under way at due, or of this contact and released by then: the reason ends at due
      (i.started_at <= c.due AND (i.ended_at IS NULL OR i.ended_at > c.due))
      OR (
        i.outcome = 'released'
        AND i.started_at >= add_days(c.determined_at, -$release_lead_days)
        AND i.ended_at >= c.determined_at
        AND i.ended_at <= c.due
      )
    ELSE
      (i.outcome = 'released' OR (i.outcome = 'transferred' AND i.next_stage = 'monitoring'))
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
  END
WHERE c.degree = 'close'
GROUP BY c.person, c.fact, c.origin, c.determined_at, c.due
