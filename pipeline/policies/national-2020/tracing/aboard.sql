-- about.zh: 同乘者的接触程度：飞机机组及前后规定排内、同车厢、同一汽车、同舱为密接，其余飞机、轮船及车厢不明为一般接触
-- about.en: who was aboard with a case: air crew and near rows, one carriage, one coach, one cabin are close
SELECT
  a.pair,
  CASE
    WHEN a.mode = 'air' AND (a.role_i = 'crew' OR a.role_j = 'crew') THEN 'close'
    WHEN a.mode = 'air' AND a.row_i - a.row_j BETWEEN -$close_rows AND $close_rows THEN 'close'
    WHEN a.mode = 'air' THEN 'general'
    WHEN a.mode = 'rail' AND a.carriage_i = a.carriage_j THEN 'close'
    WHEN a.mode = 'rail' AND (a.carriage_i IS NULL OR a.carriage_j IS NULL) THEN 'general'
    WHEN a.mode = 'coach' THEN 'close'
    WHEN a.mode = 'ship' AND a.carriage_i = a.carriage_j THEN 'close'
    WHEN a.mode = 'ship' THEN 'general'
  END AS degree
FROM aboard a
