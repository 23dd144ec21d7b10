-- view: exposures
-- about.zh: 流行病学史：接触、入境、风险地区停留；自 first_at 起，至 over_at 前（接触与入境计至当日终了）
-- about.en: epidemiological history, from first_at to before over_at (contacts, entries: the end of their day)
SELECT x.person, x.fact, x.first_at, x.over_at
FROM (
  SELECT c.person, c.fact, c.last_exposure_at AS first_at, day_end(c.last_exposure_at, 0) AS over_at
  FROM contacts c
  WHERE c.counts
  UNION ALL
  SELECT
    e.person, e.fact, COALESCE(e.last_overseas_at, e.entered_at) AS first_at,
    day_end(COALESCE(e.last_overseas_at, e.entered_at), 0) AS over_at
  FROM entries e
  UNION ALL
  SELECT
    s.person, s.fact, GREATEST(s.arrived_at, add_days(day(s.tier_since), -$tier_look_back_days)) AS first_at,
    s.departure AS over_at
  FROM stays_judged s
) x
