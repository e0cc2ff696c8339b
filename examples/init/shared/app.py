"""An application with OpenAI's client: one line is changed, and feedback reports whether the answer helped."""

from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="not-needed-on-loopback")
answer = client.chat.completions.create(
    model="support-bot",  # the route in fairtrial.yaml
    user="customer-4711",  # the unit of randomisation: the same user always gets the same model
    messages=[{"role": "user", "content": "Which kind of ticket is this? Ticket: my parcel is lost."}],
)
print(answer.choices[0].message.content)
client.post("/feedback", body={"request_id": answer._request_id, "key": "resolved", "value": True}, cast_to=object)
