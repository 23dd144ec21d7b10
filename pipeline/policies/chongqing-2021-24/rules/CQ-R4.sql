-- id: CQ-R4
-- colour: red
-- clause: 第十一条
-- title.zh: 集中隔离、居家隔离人员
-- title.en: Isolation, centralised or at home
-- ends.zh: 解除、撤销或转健康监测；转入其他阶段的，待其开始（七日内）；期满未解除不止
-- ends.en: release, cancellation or transfer to monitoring; else the next stage (within 7 days); not due alone
SELECT i.person, i.started_at AS since, i.over_at AS until, i.due, i.fact AS cause
FROM isolations_judged i
WHERE i.stage = 'centralised' OR (i.stage = 'home' AND i.basis <> 'recovery')
