# A transaction, a group and offsets through librdkafka's Python client. Prints what a reader of committed records
# gets, and the offset that the transaction committed.   librdkafka.py BROKERS TOPIC
import sys
from confluent_kafka import Consumer, Producer, TopicPartition

brokers, topic = sys.argv[1:3]
common = {'bootstrap.servers': brokers}
producer = Producer({**common, 'transactional.id': f'{topic}-tx', 'transaction.timeout.ms': 10000})
producer.init_transactions(20)
consumer = Consumer({**common, 'group.id': f'{topic}-group', 'auto.offset.reset': 'earliest',
                     'isolation.level': 'read_committed', 'enable.auto.commit': False, 'session.timeout.ms': 6000})
offsets = Consumer({**common, 'group.id': f'{topic}-offsets', 'enable.auto.commit': False})
for name, end in (('committed', producer.commit_transaction), ('aborted', producer.abort_transaction)):
    producer.begin_transaction()
    producer.produce(topic, key=name, value=name, partition=0)
    producer.flush(20)
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, len(name))], offsets.consumer_group_metadata(), 20)
    end(20)
consumer.subscribe([topic])
while (message := consumer.poll(3)) is not None:
    if message.error():
        sys.exit(str(message.error()))
    print(message.offset(), message.value().decode())
print('offset', offsets.committed([TopicPartition(topic, 0)], 20)[0].offset)
consumer.close()
offsets.close()
