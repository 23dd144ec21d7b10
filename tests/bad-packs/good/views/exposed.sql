-- view: exposed
-- about.zh: 有效的接触
-- about.en: contacts that count
SELECT c.person, c.fact, c.degree, c.determined_at, day_end(c.last_exposure_at, $contact_days) AS due
FROM contacts c
WHERE c.counts
