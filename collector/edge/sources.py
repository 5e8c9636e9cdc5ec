"""List the sources that have a name: search engines, social networks, AI assistants and webmail."""

import re
from typing import Final

_SEARCH: Final = {
    "Bing": "bing.com",
    "DuckDuckGo": "duckduckgo.com html.duckduckgo.com",
    "Ecosia": "ecosia.org",
    "Yahoo": "search.yahoo.com yahoo.com yahoo.co.jp",
    "Startpage": "startpage.com",
    "Qwant": "qwant.com",
    "Brave Search": "search.brave.com",
    "Yandex": "yandex.ru yandex.com ya.ru",
    "Baidu": "baidu.com",
    "Naver": "naver.com",
    "Seznam": "seznam.cz",
    "Kagi": "kagi.com",
    "Mojeek": "mojeek.com",
    "Swisscows": "swisscows.com",
    "Google": "com.google.android.googlequicksearchbox",
}
_SOCIAL: Final = {
    "Facebook": "facebook.com fb.com fb.me com.facebook.katana",
    "Instagram": "instagram.com",
    "Threads": "threads.net threads.com",
    "LinkedIn": "linkedin.com lnkd.in com.linkedin.android",
    "X": "twitter.com x.com t.co",
    "Bluesky": "bsky.app",
    "Mastodon": "mastodon.social mastodon.nl",
    "YouTube": "youtube.com youtu.be",
    "TikTok": "tiktok.com",
    "Pinterest": "pinterest.com pinterest.nl pin.it",
    "Reddit": "reddit.com redd.it",
    "Snapchat": "snapchat.com",
    "WhatsApp": "whatsapp.com wa.me",
    "Telegram": "t.me telegram.org org.telegram.messenger",
    "Discord": "discord.com discord.gg discordapp.com",
    "Tumblr": "tumblr.com",
    "Hacker News": "news.ycombinator.com",
}
_AI: Final = {
    "ChatGPT": "chatgpt.com chat.openai.com openai.com",
    "Claude": "claude.ai",
    "Gemini": "gemini.google.com bard.google.com",
    "Copilot": "copilot.microsoft.com copilot.cloud.microsoft",
    "Perplexity": "perplexity.ai",
    "Le Chat": "chat.mistral.ai",
    "DeepSeek": "chat.deepseek.com deepseek.com",
    "Grok": "grok.com",
    "Meta AI": "meta.ai",
    "You.com": "you.com",
    "Poe": "poe.com",
    "Phind": "phind.com",
}
_EMAIL: Final = {
    "Gmail": "mail.google.com com.google.android.gm",
    "Outlook": "outlook.live.com outlook.office.com outlook.office365.com outlook.cloud.microsoft",
    "Yahoo Mail": "mail.yahoo.com",
    "Proton Mail": "mail.proton.me",
    "iCloud Mail": "mail.icloud.com",
    "KPN Mail": "webmail.kpnmail.nl",
    "Ziggo Mail": "webmail.ziggo.nl",
}


def _by_host() -> dict[str, tuple[str, str]]:
    groups = (("search", _SEARCH), ("social", _SOCIAL), ("ai", _AI), ("email", _EMAIL))
    return {
        host: (name, channel) for channel, names in groups for name, hosts in names.items() for host in hosts.split()
    }


#: Host to name and channel; a subdomain that is not listed belongs to the host above it.
HOSTS: Final = _by_host()
#: Google has a host in every country; Docs, Classroom and its other services are sources of their own.
GOOGLE: Final = re.compile(r"(?:(?:m|images|news|encrypted)\.)?google\.(?:[a-z]{2,3}|com?\.[a-z]{2})")

#: What a campaign's medium says about the channel; anything else is a `campaign`.
CHANNEL_OF_MEDIUM: Final = {
    **dict.fromkeys(("email", "e-mail", "mail", "newsletter", "nieuwsbrief"), "email"),
    **dict.fromkeys(("social", "social-media", "sociaal"), "social"),
}
