"""Templates and composing: what the notifier says, as a pure function of message, template revision and time.

    publish.py    files a marketer wrote  -> one checked `Template` (MJML compiled, placeholders kept as Jinja)
    render.py     template, context       -> subject, HTML, text or SMS, inside a sandbox with limits
    compose.py    message, template, time -> the bytes that a provider is handed, with headers and a digest

Nothing here reads a file, a socket or a clock. docs/templates.md is the language's reference.
"""
