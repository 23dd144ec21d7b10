-- id: ZJ-R6
-- colour: red
-- clause: 一(一)
-- title.zh: 住院、集中或居家医学观察
-- title.en: Isolation in hospital, centralised or at home
-- ends.zh: 解除或撤销；转出的，待下一阶段开始（七日内）；期满未解除不止
-- ends.en: release or cancellation; if transferred, the next stage's beginning (within 7 days); not due alone
SELECT i.person, i.started_at AS since, i.over_at AS until, i.due, i.fact AS cause
FROM isolations_judged i
WHERE i.stage IN ('hospital', 'centralised', 'home')
