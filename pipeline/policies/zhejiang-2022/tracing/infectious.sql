-- about.zh: 病例的传染期：发病与判定较早者之日前规定天数起，至出院，或判定后规定天数；隔离不终止传染期
-- about.en: while a case is infectious: days before the onset or determination, until discharge, or days after it
SELECT
  c.person,
  c.fact,
  add_days(day(LEAST(c.onset_at, c.determined_at)), -$infectious_before_days) AS since,
  LEAST(c.discharged_at, add_days(c.determined_at, $infectious_days)) AS until
FROM cases c
WHERE c.classification IN ('confirmed', 'suspected', 'asymptomatic', 'repositive')
