# shellcheck shell=bash disable=SC2034 # read by bench/setup and bench/run
#
# The programs of others that are not in a lock file, at the versions that are measured.

pymodbus=3.16.1
pyserial=3.5
minimalmodbus=2.1.1
modpoll=1.6.0
telegraf=1.37.2
