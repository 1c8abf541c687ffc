# ruff: noqa: E501
"""The text of the model card, in Markdown and HTML."""

MARKDOWN = """\
# {{ title|md }}

**{{ verdict }}**

| | {{ images }} test pictures right (%) | negative log-likelihood (nats) | calibration error (points) |
|---|---|---|---|
{% for row in accuracy -%}
| {{ row.name|md }} | {{ row.accuracy }} | {{ row.nll }} | {{ row.ece }} |
{% endfor %}
{{ intervals }}

Distilled less label-trained:
{% for line in compared %}
- {{ line|md }}
{%- endfor %}

{{ exported }}

## What it costs

| | parameters | operations an image | bytes of the file | ms an image | test pictures right (%) |
|---|---|---|---|---|---|
{% for row in costs -%}
| {{ row.name|md }} | {{ row.parameters }} | {{ row.flops }} | {{ row.bytes }} | {{ row.ms }} | {{ row.right }} |
{% endfor %}
{{ timed }}
{% for line in notes %}
- {{ line|md }}
{%- endfor %}

## How it was made

{% for line in made -%}
- {{ line|md }}
{% endfor %}
| arm | learning rate | T | alpha | right on validation (%) |
|---|---|---|---|---|
{% for row in trials -%}
| {{ row.arm|md }}{{ " (chosen)" if row.chosen }} | {{ row.rate }} | {{ row.temperature }} | {{ row.alpha }} | {{ row.accuracy }} |
{% endfor %}
## What is seen

{% for figure in figures -%}
![{{ figure.alt|md }}](figures/{{ figure.name }}.png)

{% endfor -%}
{% if no_figures %}{{ no_figures|md }}
{% endif %}
## Use it

{{ prepared }}
{% for part in use %}
```python
{{ part }}
```
{% endfor %}"""

HTML = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
 color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .7rem; text-align: left; }
img { max-width: 100%; } .verdict { font-size: 1.2rem; font-weight: 600; }
pre { background: #f3f3f3; padding: .7rem; overflow-x: auto; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="verdict">{{ verdict }}</p>
<table>
<tr><th></th><th>{{ images }} test pictures right (%)</th><th>negative log-likelihood (nats)</th>
<th>calibration error (points)</th></tr>
{% for row in accuracy %}<tr><th scope="row">{{ row.name }}</th><td>{{ row.accuracy }}</td>
<td>{{ row.nll }}</td><td>{{ row.ece }}</td></tr>
{% endfor %}</table>
<p>{{ intervals }}</p>
<p>Distilled less label-trained:</p>
<ul>{% for line in compared %}<li>{{ line }}</li>{% endfor %}</ul>
<p>{{ exported }}</p>
<h2>What it costs</h2>
<table>
<tr><th></th><th>parameters</th><th>operations an image</th><th>bytes of the file</th>
<th>ms an image</th><th>test pictures right (%)</th></tr>
{% for row in costs %}<tr><th scope="row">{{ row.name }}</th><td>{{ row.parameters }}</td>
<td>{{ row.flops }}</td><td>{{ row.bytes }}</td><td>{{ row.ms }}</td><td>{{ row.right }}</td></tr>
{% endfor %}</table>
<p>{{ timed }}</p>
<ul>{% for line in notes %}<li>{{ line }}</li>{% endfor %}</ul>
<h2>How it was made</h2>
<ul>{% for line in made %}<li>{{ line }}</li>{% endfor %}</ul>
<table>
<tr><th>arm</th><th>learning rate</th><th>T</th><th>alpha</th><th>right on validation (%)</th></tr>
{% for row in trials %}<tr><td>{{ row.arm }}{{ " (chosen)" if row.chosen }}</td>
<td>{{ row.rate }}</td><td>{{ row.temperature }}</td><td>{{ row.alpha }}</td>
<td>{{ row.accuracy }}</td></tr>
{% endfor %}</table>
<h2>What is seen</h2>
{% for figure in figures %}<figure><img alt="{{ figure.alt }}"
src="data:image/png;base64,{{ figure.data }}"></figure>
{% endfor %}{% if no_figures %}<p>{{ no_figures }}</p>{% endif %}
<h2>Use it</h2>
<p>{{ prepared }}</p>
{% for part in use %}<pre>{{ part }}</pre>
{% endfor %}
</body>
</html>
"""
