"""The layout, the partials and the brand that a workspace has without writing any; its own files go before these."""

from __future__ import annotations

BRAND = {
    "background": "#f3f3ef",
    "button_text": "#ffffff",
    "color": "#1f6f54",
    "font": "Helvetica, Arial, sans-serif",
    "logo": "",
    "logo_width": "160px",
    "paper": "#ffffff",
    "radius": "6px",
    "text_color": "#26302b",
}
_DEFAULT = """\
<mjml>
  <mj-head>
    <mj-attributes>
      <mj-all font-family="{{ brand.font }}" color="{{ brand.text_color }}" />
      <mj-text font-size="16px" line-height="1.6" padding="8px 32px" />
      <mj-button background-color="{{ brand.color }}" color="{{ brand.button_text }}" font-size="16px"
        font-weight="bold" border-radius="{{ brand.radius }}" padding="16px 32px" inner-padding="14px 28px"
        align="left" />
      <mj-image padding="12px 32px" border-radius="{{ brand.radius }}" />
      <mj-divider border-width="1px" border-color="#dddfda" padding="20px 32px" />
      <mj-table font-size="16px" line-height="1.5" padding="8px 32px" />
    </mj-attributes>
    <mj-style>a { color: {{ brand.color }}; }</mj-style>
  </mj-head>
  <mj-body background-color="{{ brand.background }}">
    <mj-section padding="28px 0 20px">
      <mj-column>
        <mj-raw>{% if brand.logo %}</mj-raw>
        <mj-image src="{{ brand.logo }}" alt="{{ shop.name }}" width="{{ brand.logo_width }}" href="{{ shop.url }}"
          padding="0 32px" border-radius="0" />
        <mj-raw>{% else %}</mj-raw>
        <mj-text align="center" font-size="22px" font-weight="bold" letter-spacing="1px" padding="0 32px"
          color="{{ brand.color }}">{{ shop.name }}</mj-text>
        <mj-raw>{% endif %}</mj-raw>
      </mj-column>
    </mj-section>
    <mj-section background-color="{{ brand.paper }}" border-radius="{{ brand.radius }}" padding="28px 0">
      <mj-column>
        {{ content }}
      </mj-column>
    </mj-section>
    <mj-section padding="20px 0 32px">
      <mj-column>
        <mj-text align="center" font-size="12px" line-height="1.6" color="#6a716d" padding="0 32px">\
{{ shop.name }}{% if shop.address %}, {{ shop.address }}{% endif %}\
{% if message.class in ["marketing", "opinion"] %}<br /><a href="{{ links.unsubscribe }}" style="color:#6a716d">\
{% if message.language == "pl" %}Nie chcę takich wiadomości{% else %}Unsubscribe{% endif %}</a> &middot; \
<a href="{{ links.preferences }}" style="color:#6a716d">\
{% if message.language == "pl" %}Wybierz, o czym piszemy{% else %}Choose what we write about{% endif %}</a>\
{% endif %}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_PLAIN = """\
<mjml>
  <mj-head>
    <mj-attributes>
      <mj-all font-family="{{ brand.font }}" color="{{ brand.text_color }}" />
      <mj-text font-size="16px" line-height="1.6" padding="8px 20px" />
      <mj-button background-color="{{ brand.color }}" color="{{ brand.button_text }}" font-size="16px"
        border-radius="{{ brand.radius }}" padding="12px 20px" inner-padding="12px 24px" align="left" />
      <mj-image padding="8px 20px" />
      <mj-divider border-width="1px" border-color="#dddfda" padding="16px 20px" />
      <mj-table font-size="16px" line-height="1.5" padding="8px 20px" />
    </mj-attributes>
    <mj-style>a { color: {{ brand.color }}; }</mj-style>
  </mj-head>
  <mj-body>
    <mj-section padding="16px 0">
      <mj-column>
        {{ content }}
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_ROW = """\
<tr>
  {% if THING.image_url %}<td style="width:80px;padding:10px 16px 10px 0;vertical-align:top">\
<a href="{{ THING.url or shop.url }}"><img src="{{ THING.image_url }}" alt="" width="80" \
style="display:block;width:80px;height:auto;border:0;border-radius:{{ brand.radius }}" /></a></td>{% endif %}
  <td style="padding:10px 0;vertical-align:top">\
<a href="{{ THING.url or shop.url }}" style="color:{{ brand.text_color }};text-decoration:none">\
<b>{{ THING.name }}</b></a>\
<br />QUANTITY{{ price(THING) }}</td>
</tr>
"""
_QUANTITY = "{% if item.quantity and item.quantity != 1 %}{{ item.quantity | number }} x {% endif %}"
_ITEM = _ROW.replace("THING", "item").replace("QUANTITY", _QUANTITY)
_PRODUCT = _ROW.replace("THING", "product").replace("QUANTITY", "")
FILES = {
    "default.mjml": _DEFAULT,
    "plain.mjml": _PLAIN,
    "product.mjml": f"<mj-table>\n{_PRODUCT}</mj-table>\n",
    "product.txt": "{{ product.name }}: {{ price(product) }}{% if product.url %}\n{{ product.url }}{% endif %}\n",
    "products.mjml": "<mj-table>\n{% for item in items[:10] %}" + _ITEM + "{% endfor %}\n</mj-table>\n",
    "products.txt": "{% for item in items[:10] %}\n- {{ item.name }}: "
    + _QUANTITY
    + "{{ price(item) }}\n{% endfor %}\n",
}
