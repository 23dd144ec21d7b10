-- id: NP-Y1
-- colour: yellow
-- clause: 问题二(三)
-- title.zh: 与病例同乘交通工具
-- title.en: Aboard a conveyance with a case
-- ends.zh: 末次同乘后满十四日
-- ends.en: 14 full days after they were last aboard together
SELECT
  c.person,
  c.determined_at AS since,
  day_end(c.last_exposure_at, $contact_days) AS until,
  c.fact AS cause
FROM contacts_aboard c
