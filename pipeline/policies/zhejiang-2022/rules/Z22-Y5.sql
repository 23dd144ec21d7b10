-- id: Z22-Y5
-- colour: yellow
-- clause: 黄码(三)
-- title.zh: 列入黄码名单
-- title.en: Named on an approved yellow list
-- ends.zh: 名单所载期限届满
-- ends.en: the expiry stated in the list
SELECT l.person, l.starts_at AS since, l.expires_at AS until, l.fact AS cause
FROM listings l
WHERE l.colour = 'yellow'
