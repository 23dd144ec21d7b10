-- view: stays_judged
-- about.zh: 中、高风险或严重地区的停留（市级及以内吻合），与风险期相交或在划定前规定天数内
-- about.en: stays in a medium, high or severe region (to the city), in its time or the days before it
SELECT
  s.person,
  s.fact,
  GREATEST(s.arrived_at, s.tier_since) AS begins_at,
  LEAST(s.gone_at, s.tier_until) AS departure
FROM (
  SELECT
    t.person, t.fact, t.arrived_at, t.tier_since, t.tier_until,
    COALESCE(t.left_at, CASE WHEN t.source = 'checkin' THEN day_end(t.arrived_at, 0) END) AS gone_at
  FROM tiered_stays t
  WHERE t.tier IN ('medium', 'high', 'severe')
    AND (t."match" IN ('exact', 'within') OR t.granularity IN ('city', 'county', 'street', 'area'))
    AND (t.tier_until IS NULL OR t.arrived_at < t.tier_until)
) s
WHERE s.gone_at IS NULL OR s.gone_at > add_days(day(s.tier_since), -$tier_look_back_days)
