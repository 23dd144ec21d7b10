-- view: entries_classed
-- about.zh: 入境及其适用的分类天数（tables/entrants.csv）；* 适用于当时无其他行列明的国家
-- about.en: entries with each class in force (tables/entrants.csv); * is for countries that no other row names then
SELECT e.person, e.fact, e.entered_at, r.days
FROM entries e
JOIN entrants r
  ON (r.country = e.country OR r.country = '*')
  AND (r.valid_from IS NULL OR r.valid_from <= e.entered_at)
  AND (r.valid_to IS NULL OR r.valid_to > e.entered_at)
LEFT JOIN entrants named
  ON named.country = e.country
  AND (named.valid_from IS NULL OR named.valid_from <= e.entered_at)
  AND (named.valid_to IS NULL OR named.valid_to > e.entered_at)
WHERE r.country <> '*' OR named.country IS NULL
