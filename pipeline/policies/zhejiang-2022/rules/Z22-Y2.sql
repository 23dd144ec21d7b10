-- id: Z22-Y2
-- colour: yellow
-- clause: 黄码(二)
-- title.zh: 健康监测人员
-- title.en: Under health monitoring
-- ends.zh: 健康监测终止
-- ends.en: the end of monitoring
SELECT i.person, i.started_at AS since, i.ended_at AS until, i.due_at AS due, i.fact AS cause
FROM isolations i
WHERE i.stage = 'monitoring'
