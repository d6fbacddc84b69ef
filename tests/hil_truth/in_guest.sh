# Runs in the guest: the scenarios, against its own kernel and bluetoothd.
modprobe hci_vhci
systemctl start bluetooth.service
export PYTHONPATH=/results/site PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp
export HIL_TRUTH_GUEST=yes
cd /checkout
eval "set -- $(cat /results/arguments)"
/opt/venv/bin/python -m pytest -p no:cacheprovider --timeout=600 "$@" >/results/output 2>&1
echo $? >/results/status
journalctl --no-pager --unit bluetooth.service >/results/bluetoothd.log
