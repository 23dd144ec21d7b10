-- view: contacts_judged
-- about.zh: 有效且未逾期的接触者：所依据的病例或接触者仍成立，且得知时观察期未满
-- about.en: contacts that count and are not late: their ground holds, and the window was open when it became known
SELECT
  c.person,
  c.fact,
  c.degree,
  c.origin,
  c.determined_at,
  c.last_exposure_at,
  day_end(c.last_exposure_at, $contact_days) AS due
FROM contacts c
WHERE c.counts
  AND COALESCE(day_end(c.last_exposure_at, $contact_days) > GREATEST(c.determined_at, c.first_known_at), true)
