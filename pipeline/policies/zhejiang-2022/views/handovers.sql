-- view: handovers
-- about.zh: 转出的隔离由下一阶段接续的时刻：转出时已有另一隔离在进行，即转出时刻；否则为规定天数内最早开始的隔离
-- about.en: when the next stage takes over a transferred isolation: at its end, or when the next begins in time
SELECT
  i.person,
  i.fact,
  MIN(CASE
    WHEN n.started_at >= i.ended_at THEN n.started_at
    WHEN n.ended_at IS NULL OR n.ended_at > i.ended_at THEN i.ended_at
  END) AS taken_over_at
FROM isolations i
JOIN isolations n
  ON n.person = i.person
  AND n.fact <> i.fact
  AND n.started_at >= i.started_at
  AND n.started_at <= add_days(i.ended_at, $next_stage_days)
WHERE i.outcome = 'transferred'
GROUP BY i.person, i.fact
