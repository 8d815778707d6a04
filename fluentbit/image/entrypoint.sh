#!/bin/sh
# As in AWS for Fluent Bit 2.x, without its three Go plugins, which this build does not have.
echo "AWS for Fluent Bit Container Image Version $(cat /AWS_FOR_FLUENT_BIT_VERSION)"
exec /fluent-bit/bin/fluent-bit -c /fluent-bit/etc/fluent-bit.conf
