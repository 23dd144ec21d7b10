-- id: NP-Y4
-- colour: yellow
-- clause: 问题二(六)
-- title.zh: 各省健康码为红码或黄码
-- title.en: A province's code is red or yellow
-- ends.zh: 该省解除（转为绿码）
-- ends.en: release by that province
SELECT e.person, e.assigned_at AS since, e.released_at AS until, e.fact AS cause
FROM external_codes e
WHERE e.colour IN ('red', 'yellow')
