-- id: Z22-R3
-- colour: red
-- clause: 红码(二)
-- title.zh: 住院、集中或居家隔离医学观察
-- title.en: Isolation in hospital, centralised or at home
-- ends.zh: 解除、撤销或转健康监测；转入其他阶段的，待其开始（七日内）；期满未解除不止
-- ends.en: release, cancellation or transfer to monitoring; else the next stage (within 7 days); not due alone
SELECT i.person, i.started_at AS since, i.over_at AS until, i.due, i.fact AS cause
FROM isolations_judged i
WHERE i.stage IN ('hospital', 'centralised', 'home')
