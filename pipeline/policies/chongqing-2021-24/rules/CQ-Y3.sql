-- id: CQ-Y3
-- colour: yellow
-- clause: 第十二条
-- title.zh: 一般接触者、阳性环境接触者
-- title.en: General contact, or contact with a positive environment
-- ends.zh: 解除接触者隔离，或末次接触后满十四日，以先者为准
-- ends.en: release from contact isolation, or 14 full days after the last exposure, whichever is first
SELECT
  c.person,
  c.determined_at AS since,
  LEAST(MIN(i.ended_at), c.due) AS until,
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
WHERE c.degree IN ('general', 'environment')
GROUP BY c.person, c.fact, c.determined_at, c.due
