-- view: contacts_aboard
-- about.zh: 有效且未逾期的同乘接触：由行程推出，且得知时观察期未满
-- about.en: contacts by conveyance that count and are not late: the window was open when they became known
SELECT c.person, c.fact, c.determined_at, c.last_exposure_at
FROM contacts c
WHERE c.counts
  AND c.origin = 'conveyance'
  AND COALESCE(day_end(c.last_exposure_at, $contact_days) > GREATEST(c.determined_at, c.first_known_at), true)
