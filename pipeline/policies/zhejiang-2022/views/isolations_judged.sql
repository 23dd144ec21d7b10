-- view: isolations_judged
-- about.zh: 隔离措施及其终止：解除、撤销即止；转健康监测即止；转入其他阶段的待其接续；未终止的，逾期亦不止
-- about.en: orders and when they are over: released, cancelled, moved to monitoring; else once taken over
SELECT
  i.person,
  i.fact,
  i.stage,
  i.started_at,
  CASE
    WHEN i.outcome = 'transferred' AND i.next_stage <> 'monitoring' THEN h.taken_over_at
    ELSE i.ended_at
  END AS over_at,
  COALESCE(
    i.due_at,
    CASE WHEN i.outcome = 'transferred' THEN instant_or_null(add_days(i.ended_at, $next_stage_days)) END
  ) AS due
FROM isolations i
LEFT JOIN handovers h ON h.person = i.person AND h.fact = i.fact
