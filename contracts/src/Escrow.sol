// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title One balance per buyer, many sellers paid from it.
/// @notice A buyer deposits once and signs vouchers off chain. A voucher says how much one seller has earned in
/// all since the epoch began, so a lost, repeated or stale one is harmless and a seller needs only the newest.
/// Sellers are paid into their own wallets. There is no owner, no pause and no proxy: nobody but the signer of a
/// voucher can move a balance, and a buyer who leaves gives the sellers a day to redeem first.
contract Escrow is EIP712 {
    using SafeERC20 for IERC20;

    /// What a buyer holds here; one storage slot.
    struct Account {
        uint128 balance;
        uint64 unlockAt; // 0: not leaving; otherwise the time withdrawAll opens
        uint32 epoch; // vouchers of other epochs are void
    }

    /// A device key that may sign for an account.
    struct Device {
        uint128 cap; // most it may ever pay out, cumulative
        uint128 spent; // paid out on its signatures so far, fee included; survives a renewal
        uint64 expiry; // last second it is valid
        uint8 purposes; // sum of the PURPOSE bits
        bool revoked; // for ever: a new key costs nothing
    }

    struct Delegation {
        address account;
        address device;
        uint8 purposes;
        uint128 cap;
        uint64 expiry;
    }

    struct Voucher {
        address buyer;
        address seller;
        uint32 epoch;
        uint128 total;
    }

    bytes32 private constant DELEGATION =
        keccak256("Delegation(address account,address device,uint8 purposes,uint128 cap,uint64 expiry)");
    bytes32 private constant VOUCHER = keccak256("Voucher(address buyer,address seller,uint32 epoch,uint128 total)");
    bytes32 private constant BATCH = keccak256("Batch(address buyer,uint32 epoch,bytes payees)");

    uint8 public constant PURPOSE_ORDER = 1; // asks, deals
    uint8 public constant PURPOSE_RECEIPT = 2;
    uint8 public constant PURPOSE_VOUCHER = 4; // vouchers, batches
    uint8 private constant PURPOSES = 7;

    uint256 public constant UNLOCK_DELAY = 1 days;
    uint256 public constant MAX_FEE_BPS = 200; // 2 %
    uint256 private constant BPS = 10_000;
    uint256 private constant PAYEE = 32; // bytes: 20 of the seller, 12 of the total

    IERC20 public immutable token;
    address public immutable sink; // receives the fee
    uint256 public immutable feeBps; // part of every payment, in 1/10,000

    mapping(address buyer => Account) public accounts;
    mapping(address buyer => mapping(uint32 epoch => mapping(address seller => uint128))) public paid; // fee included
    mapping(address account => mapping(address device => Device)) public devices;
    uint256 public fees; // kept here until flushFees

    event Deposited(address indexed buyer, uint256 amount);
    event Delegated(address indexed account, address indexed device, uint8 purposes, uint128 cap, uint64 expiry);
    event Revoked(address indexed account, address indexed device);
    event Paid(address indexed buyer, address indexed seller, uint32 epoch, uint256 amount, uint256 fee);
    event Shortfall(address indexed buyer, address indexed seller, uint32 epoch, uint256 owed);
    event UnlockAt(address indexed buyer, uint64 at);
    event Withdrawn(address indexed buyer, address indexed to, uint256 amount, uint32 epoch);
    event Flushed(uint256 amount);

    error BadFee(uint256 bps);
    error BadAddress(address a);
    error BadSignature();
    error BadDelegation();
    error StaleDelegation(uint64 expiry);
    error DeviceRevoked(address device);
    error BadEpoch(uint32 got, uint32 want);
    error BadBatch(uint256 length);
    error Locked(uint64 until);

    constructor(IERC20 token_, address sink_, uint256 feeBps_) EIP712("SONM Escrow", "1") {
        if (feeBps_ > MAX_FEE_BPS) revert BadFee(feeBps_);
        if (address(token_).code.length == 0) revert BadAddress(address(token_));
        if (sink_ == address(0) || sink_ == address(this)) revert BadAddress(sink_);
        token = token_;
        sink = sink_;
        feeBps = feeBps_;
    }

    // ---- buyer

    /// @notice Adds to the sender's balance; needs an allowance. Someone who deposits is staying, so it also cancels
    /// a requested unlock: otherwise one could unlock first, then buy, and leave before the sellers wake up.
    function deposit(uint128 amount) public {
        Account storage a = accounts[msg.sender];
        a.balance += amount;
        if (a.unlockAt != 0) {
            a.unlockAt = 0;
            emit UnlockAt(msg.sender, 0);
        }
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(msg.sender, amount);
    }

    /// @notice deposit with the allowance signed. A permit that somebody used first is no reason to fail.
    function depositWithPermit(uint128 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        deposit(amount);
    }

    /// @notice Lets a device sign for the sender. A delegation is replaced only by one that ends later, so that an
    /// older signed one cannot be brought back; to end one early, revoke it.
    function delegate(Delegation calldata d) external {
        if (msg.sender != d.account) revert BadDelegation();
        _delegate(d);
    }

    /// @notice The same with the account's signature; anyone may bring it.
    function delegateBySig(Delegation calldata d, bytes calldata sig) external {
        bytes32 h = keccak256(abi.encode(DELEGATION, d.account, d.device, d.purposes, d.cap, d.expiry));
        if (_recover(h, sig) != d.account) revert BadSignature();
        _delegate(d);
    }

    /// @notice Ends a device for ever: nothing it signed is paid from here on.
    function revoke(address device) external {
        devices[msg.sender][device].revoked = true;
        emit Revoked(msg.sender, device);
    }

    /// @notice Says that the sender leaves: after UNLOCK_DELAY withdrawAll opens. Until then sellers redeem.
    function requestUnlock() external {
        uint64 at = uint64(block.timestamp + UNLOCK_DELAY);
        accounts[msg.sender].unlockAt = at;
        emit UnlockAt(msg.sender, at);
    }

    function cancelUnlock() external {
        accounts[msg.sender].unlockAt = 0;
        emit UnlockAt(msg.sender, 0);
    }

    /// @notice Pays the whole balance out and begins a new epoch, in which no older voucher counts.
    function withdrawAll(address to) external {
        if (to == address(0) || to == address(this)) revert BadAddress(to);
        Account storage a = accounts[msg.sender];
        uint64 at = a.unlockAt;
        if (at == 0 || block.timestamp < at) revert Locked(at);
        uint256 out = a.balance;
        a.balance = 0;
        a.unlockAt = 0;
        uint32 epoch = ++a.epoch;
        if (out != 0) token.safeTransfer(to, out);
        emit Withdrawn(msg.sender, to, out, epoch);
    }

    // ---- payment

    /// @notice Pays a seller what the voucher adds to what it has had; anyone may bring it.
    function redeem(Voucher calldata v, bytes calldata sig) external {
        _redeem(v, sig);
    }

    /// @notice Redeems vouchers of any buyers and sellers.
    function redeemMany(Voucher[] calldata vs, bytes[] calldata sigs) external {
        if (vs.length == 0 || vs.length != sigs.length) revert BadBatch(vs.length);
        for (uint256 i; i < vs.length; ++i) {
            _redeem(vs[i], sigs[i]);
        }
    }

    /// @notice Pays many sellers under one signature; the buyer itself needs none.
    /// @param payees 20-byte seller and 12-byte cumulative total, repeated.
    function settle(address buyer, uint32 epoch, bytes calldata payees, bytes calldata sig) external {
        if (payees.length == 0 || payees.length % PAYEE != 0) revert BadBatch(payees.length);
        address device;
        if (msg.sender != buyer) {
            device = _authority(buyer, keccak256(abi.encode(BATCH, buyer, epoch, keccak256(payees))), sig);
        }
        (uint256[] memory nets, uint256 spent, uint256 fee) =
            _book(buyer, epoch, payees, _available(buyer, epoch, device));
        _charge(buyer, device, spent, fee);
        for (uint256 i; i < nets.length; ++i) {
            (address seller,) = _payee(payees, i);
            if (nets[i] != 0) token.safeTransfer(seller, nets[i]);
        }
    }

    /// @notice Sends the fees to the sink; anyone may call it.
    function flushFees() external {
        uint256 amount = fees;
        fees = 0;
        token.safeTransfer(sink, amount);
        emit Flushed(amount);
    }

    /// @notice What every signature here is bound to: this contract on this chain.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    // ---- private

    function _delegate(Delegation calldata d) private {
        bool sane = d.device != address(0) && d.device != d.account && d.purposes != 0 && d.purposes <= PURPOSES;
        if (!sane || d.expiry <= block.timestamp) revert BadDelegation();
        Device storage v = devices[d.account][d.device];
        if (v.revoked) revert DeviceRevoked(d.device);
        if (v.expiry == d.expiry && v.cap == d.cap && v.purposes == d.purposes) return; // brought twice
        if (v.expiry >= d.expiry) revert StaleDelegation(v.expiry);
        v.cap = d.cap;
        v.expiry = d.expiry;
        v.purposes = d.purposes;
        emit Delegated(d.account, d.device, d.purposes, d.cap, d.expiry);
    }

    function _redeem(Voucher calldata v, bytes calldata sig) private {
        bytes32 h = keccak256(abi.encode(VOUCHER, v.buyer, v.seller, v.epoch, v.total));
        address device = _authority(v.buyer, h, sig);
        uint256 left = _available(v.buyer, v.epoch, device);
        (uint256 amount, uint256 fee) = _owe(v.buyer, v.epoch, v.seller, v.total, left);
        _charge(v.buyer, device, amount, fee);
        if (amount != fee) token.safeTransfer(v.seller, amount - fee);
    }

    /// Who signed for the buyer: 0 for the buyer itself, else its device.
    function _authority(address buyer, bytes32 structHash, bytes calldata sig) private view returns (address) {
        address signer = _recover(structHash, sig);
        if (signer == buyer) return address(0);
        Device storage d = devices[buyer][signer];
        bool live = d.purposes & PURPOSE_VOUCHER != 0 && !d.revoked && block.timestamp <= d.expiry;
        if (!live) revert BadSignature();
        return signer;
    }

    function _recover(bytes32 structHash, bytes calldata sig) private view returns (address) {
        (address signer, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(structHash), sig);
        if (err != ECDSA.RecoverError.NoError || signer == address(0)) revert BadSignature();
        return signer;
    }

    /// What can be paid in this epoch under this authority.
    function _available(address buyer, uint32 epoch, address device) private view returns (uint256 left) {
        Account storage a = accounts[buyer];
        if (epoch != a.epoch) revert BadEpoch(epoch, a.epoch);
        left = a.balance;
        if (device == address(0)) return left;
        Device storage d = devices[buyer][device];
        uint256 allowed = d.cap > d.spent ? d.cap - d.spent : 0;
        if (allowed < left) left = allowed;
    }

    /// Books a batch; nets is what each payee is to be sent.
    function _book(address buyer, uint32 epoch, bytes calldata payees, uint256 left)
        private
        returns (uint256[] memory nets, uint256 spent, uint256 fee)
    {
        nets = new uint256[](payees.length / PAYEE);
        for (uint256 i; i < nets.length; ++i) {
            (address seller, uint128 total) = _payee(payees, i);
            (uint256 amount, uint256 cut) = _owe(buyer, epoch, seller, total, left - spent);
            spent += amount;
            fee += cut;
            nets[i] = amount - cut;
        }
    }

    /// Books what the total adds for this seller, at most left. What is missing stays owed: a later deposit pays it.
    function _owe(address buyer, uint32 epoch, address seller, uint128 total, uint256 left)
        private
        returns (uint256 amount, uint256 fee)
    {
        if (seller == address(0) || seller == address(this)) revert BadAddress(seller);
        uint128 before = paid[buyer][epoch][seller];
        if (total <= before) return (0, 0);
        amount = total - before;
        if (amount > left) {
            emit Shortfall(buyer, seller, epoch, amount - left);
            amount = left;
            if (amount == 0) return (0, 0);
        }
        // amount <= total - before, which is a uint128
        paid[buyer][epoch][seller] = before + uint128(amount);
        fee = amount * feeBps / BPS;
        emit Paid(buyer, seller, epoch, amount - fee, fee);
    }

    /// Takes what was paid from the buyer, and counts it against the device that signed.
    function _charge(address buyer, address device, uint256 amount, uint256 fee) private {
        if (amount == 0) return;
        // amount <= left, which is a uint128
        accounts[buyer].balance -= uint128(amount);
        if (device != address(0)) devices[buyer][device].spent += uint128(amount);
        fees += fee;
    }

    function _payee(bytes calldata payees, uint256 i) private pure returns (address seller, uint128 total) {
        uint256 w = uint256(bytes32(payees[i * PAYEE:(i + 1) * PAYEE]));
        return (address(uint160(w >> 96)), uint96(w));
    }
}
