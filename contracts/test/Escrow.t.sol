// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Escrow} from "../src/Escrow.sol";
import {Base} from "./Base.sol";

contract EscrowTest is Base {
    function setUp() public {
        deploy();
    }

    // ---- who may be paid what

    function test_voucherPaysTheDifferenceOnce() public {
        deposit(1000e18);
        Escrow.Voucher memory v = voucher(seller(0), 50e18);
        bytes memory sig = signVoucher(BUYER, v);
        escrow.redeem(v, sig);
        escrow.redeem(v, sig); // the same again
        eq(token.balanceOf(seller(0)), net(50e18), "first");
        Escrow.Voucher memory older = voucher(seller(0), 20e18);
        escrow.redeem(older, signVoucher(BUYER, older));
        eq(token.balanceOf(seller(0)), net(50e18), "stale");
        v.total = 70e18;
        escrow.redeem(v, signVoucher(BUYER, v));
        eq(token.balanceOf(seller(0)), net(70e18), "newer");
        eq(balanceOf(buyer), 930e18, "buyer");
        eq(escrow.fees(), 0.7e18, "fees");
    }

    function test_forgedVoucherIsRefused() public {
        deposit(1000e18);
        Escrow.Voucher memory v = voucher(seller(0), 50e18);
        bytes memory sig = signVoucher(BUYER, v);
        v.total += 1;
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, sig);
        v.total -= 1;
        v.seller = seller(1);
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, sig);
        bytes memory other = signVoucher(0xBAD, v);
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, other);
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, hex"00");
        vm.startPrank(vm.addr(0xBAD)); // nor does it help to bring one's own
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, other);
        bytes memory p = abi.encodePacked(vm.addr(0xBAD), uint96(10e18));
        bytes memory mine = signBatch(0xBAD, buyer, 0, p);
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.settle(buyer, 0, p, mine);
        vm.stopPrank();
    }

    function test_highSIsRefused() public {
        deposit(1000e18);
        Escrow.Voucher memory v = voucher(seller(0), 50e18);
        bytes32 inner = keccak256(abi.encode(VOUCHER, v.buyer, v.seller, v.epoch, v.total));
        (uint8 vv, bytes32 r, bytes32 s) =
            vm.sign(BUYER, keccak256(abi.encodePacked(hex"1901", escrow.domainSeparator(), inner)));
        uint256 n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory twin = abi.encodePacked(r, bytes32(n - uint256(s)), vv == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, twin);
    }

    function test_settleNeedsASignatureFromAllButTheBuyer() public {
        deposit(1000e18);
        bytes memory p = abi.encodePacked(seller(0), uint96(10e18), seller(1), uint96(20e18));
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.settle(buyer, 0, p, "");
        vm.prank(buyer);
        escrow.settle(buyer, 0, p, "");
        eq(token.balanceOf(seller(0)), net(10e18), "first");
        eq(token.balanceOf(seller(1)), net(20e18), "second");
    }

    function test_badBatches() public {
        deposit(1000e18);
        vm.startPrank(buyer);
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadBatch.selector, 0));
        escrow.settle(buyer, 0, "", "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadBatch.selector, 33));
        escrow.settle(buyer, 0, new bytes(33), "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadAddress.selector, address(0)));
        escrow.settle(buyer, 0, new bytes(32), "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadAddress.selector, address(escrow)));
        escrow.settle(buyer, 0, abi.encodePacked(address(escrow), uint96(1)), "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadEpoch.selector, 1, 0));
        escrow.settle(buyer, 1, abi.encodePacked(seller(0), uint96(1)), "");
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadBatch.selector, 1));
        escrow.redeemMany(new Escrow.Voucher[](1), new bytes[](0));
    }

    function test_shortfallPaysWhatIsThereAndTheRestLater() public {
        deposit(30e18);
        bytes memory p = abi.encodePacked(seller(0), uint96(20e18), seller(1), uint96(20e18));
        bytes memory sig = signBatch(BUYER, buyer, 0, p);
        escrow.settle(buyer, 0, p, sig);
        eq(token.balanceOf(seller(0)), net(20e18), "first in full");
        eq(token.balanceOf(seller(1)), net(10e18), "second in part");
        eq(balanceOf(buyer), 0, "empty");
        deposit(100e18);
        escrow.settle(buyer, 0, p, sig);
        eq(token.balanceOf(seller(1)), 2 * net(10e18), "the rest");
        eq(balanceOf(buyer), 90e18, "no more");
    }

    function testFuzz_batchEqualsVouchers(uint96[6] memory totals) public {
        uint256 sum;
        bytes memory p;
        for (uint256 i; i < totals.length; ++i) {
            totals[i] %= 1e23;
            sum += totals[i];
            p = abi.encodePacked(p, seller(i), totals[i]);
        }
        deposit(1_000_000e18);
        escrow.settle(buyer, 0, p, signBatch(BUYER, buyer, 0, p));
        eq(balanceOf(buyer), 1_000_000e18 - sum, "settled");
        Escrow.Voucher[] memory vs = new Escrow.Voucher[](totals.length);
        bytes[] memory sigs = new bytes[](totals.length);
        for (uint256 i; i < totals.length; ++i) {
            vs[i] = voucher(seller(i), totals[i]);
            sigs[i] = signVoucher(BUYER, vs[i]);
            eq(token.balanceOf(seller(i)), net(totals[i]), "seller");
        }
        escrow.redeemMany(vs, sigs); // all paid already
        eq(balanceOf(buyer), 1_000_000e18 - sum, "redeemed again");
    }

    function testFuzz_stepsLoseAtMostRounding(uint128 a, uint128 b) public {
        a %= 1e24;
        b %= 1e24;
        if (a > b) (a, b) = (b, a);
        deposit(1_000_000e18);
        Escrow.Voucher memory v = voucher(seller(0), a);
        escrow.redeem(v, signVoucher(BUYER, v));
        v.total = b;
        escrow.redeem(v, signVoucher(BUYER, v));
        uint256 got = token.balanceOf(seller(0));
        require(got >= net(b) && got <= net(b) + 1, "fee depends on the steps");
        eq(got + escrow.fees() + balanceOf(buyer), 1_000_000e18, "sum");
    }

    // ---- devices

    function test_deviceSignsWithinItsCap() public {
        deposit(1000e18);
        vm.prank(buyer);
        escrow.delegate(grant(4, 60e18));
        Escrow.Voucher memory v = voucher(seller(0), 50e18);
        escrow.redeem(v, signVoucher(DEVICE, v));
        eq(spentBy(device), 50e18, "spent");
        v = voucher(seller(1), 50e18);
        escrow.redeem(v, signVoucher(DEVICE, v));
        eq(token.balanceOf(seller(1)), net(10e18), "up to the cap");
        eq(spentBy(device), 60e18, "spent all");
        escrow.redeem(v, signVoucher(BUYER, v)); // the account itself has no cap
        eq(token.balanceOf(seller(1)), net(10e18) + net(40e18), "by the account");
    }

    function test_deviceNeedsThePurposeAndTime() public {
        deposit(1000e18);
        Escrow.Voucher memory v = voucher(seller(0), 50e18);
        bytes memory sig = signVoucher(DEVICE, v);
        vm.expectRevert(Escrow.BadSignature.selector); // unknown
        escrow.redeem(v, sig);
        vm.prank(buyer);
        escrow.delegate(grant(3, 60e18)); // orders and receipts only
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, sig);
        Escrow.Delegation memory d = grant(7, 60e18);
        d.expiry += 1;
        vm.prank(buyer);
        escrow.delegate(d);
        vm.warp(d.expiry + 1);
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, sig);
        vm.warp(d.expiry);
        escrow.redeem(v, sig);
    }

    function test_aDeviceOfOneBuyerIsNotOfAnother() public {
        address other = vm.addr(0xA11CE);
        give(other, 100e18);
        vm.prank(other);
        escrow.deposit(100e18);
        vm.prank(buyer);
        escrow.delegate(grant(4, 60e18));
        Escrow.Voucher memory v = Escrow.Voucher(other, seller(0), 0, 50e18);
        bytes memory sig = signVoucher(DEVICE, v);
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, sig);
    }

    function test_revokedIsRevokedForEver() public {
        deposit(1000e18);
        Escrow.Delegation memory d = grant(7, 60e18);
        bytes memory dsig = signDelegation(BUYER, d);
        escrow.delegateBySig(d, dsig);
        vm.prank(buyer);
        escrow.revoke(device);
        Escrow.Voucher memory v = voucher(seller(0), 50e18);
        bytes memory sig = signVoucher(DEVICE, v);
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.redeem(v, sig);
        vm.expectRevert(abi.encodeWithSelector(Escrow.DeviceRevoked.selector, device));
        escrow.delegateBySig(d, dsig);
    }

    function test_anOlderDelegationCannotComeBack() public {
        Escrow.Delegation memory wide = grant(7, 1000e18);
        bytes memory sig = signDelegation(BUYER, wide);
        escrow.delegateBySig(wide, sig);
        escrow.delegateBySig(wide, sig); // brought twice: no harm, no failure
        Escrow.Delegation memory narrow = grant(7, 10e18);
        narrow.expiry += 1;
        vm.prank(buyer);
        escrow.delegate(narrow);
        vm.expectRevert(abi.encodeWithSelector(Escrow.StaleDelegation.selector, narrow.expiry));
        escrow.delegateBySig(wide, sig);
        (uint128 cap,,,,) = escrow.devices(buyer, device);
        eq(cap, 10e18, "cap");
    }

    function test_badDelegations() public {
        Escrow.Delegation memory d = grant(7, 1);
        vm.expectRevert(Escrow.BadDelegation.selector); // not the account
        escrow.delegate(d);
        bytes memory sig = signDelegation(DEVICE, d); // a device cannot let itself in
        vm.expectRevert(Escrow.BadSignature.selector);
        escrow.delegateBySig(d, sig);
        refuse(grant(0, 1));
        refuse(grant(8, 1));
        d.device = buyer;
        refuse(d);
        d.device = address(0);
        refuse(d);
        d = grant(7, 1);
        d.expiry = uint64(block.timestamp);
        refuse(d);
    }

    function refuse(Escrow.Delegation memory d) private {
        vm.expectRevert(Escrow.BadDelegation.selector);
        vm.prank(buyer);
        escrow.delegate(d);
    }

    // ---- leaving

    function test_unlockGivesSellersADay() public {
        deposit(100e18);
        vm.startPrank(buyer);
        vm.expectRevert(abi.encodeWithSelector(Escrow.Locked.selector, 0));
        escrow.withdrawAll(buyer);
        escrow.requestUnlock();
        vm.warp(block.timestamp + 1 days - 1);
        vm.expectRevert(abi.encodeWithSelector(Escrow.Locked.selector, block.timestamp + 1));
        escrow.withdrawAll(buyer);
        vm.stopPrank();
        Escrow.Voucher memory v = voucher(seller(0), 40e18);
        escrow.redeem(v, signVoucher(BUYER, v));
        vm.warp(block.timestamp + 1);
        address to = address(0x70);
        vm.prank(buyer);
        escrow.withdrawAll(to);
        eq(token.balanceOf(to), 60e18, "rest");
        v.total = 50e18;
        bytes memory sig = signVoucher(BUYER, v);
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadEpoch.selector, 0, 1));
        escrow.redeem(v, sig);
    }

    function test_aNewEpochCountsFromZero() public {
        deposit(100e18);
        Escrow.Voucher memory v = voucher(seller(0), 40e18);
        escrow.redeem(v, signVoucher(BUYER, v));
        leave();
        deposit(100e18);
        v = voucher(seller(0), 10e18);
        eq(v.epoch, 1, "epoch");
        escrow.redeem(v, signVoucher(BUYER, v));
        eq(token.balanceOf(seller(0)), net(50e18), "both epochs");
    }

    function leave() private {
        vm.startPrank(buyer);
        escrow.requestUnlock();
        vm.warp(block.timestamp + 1 days);
        escrow.withdrawAll(buyer);
        vm.stopPrank();
    }

    /// Unlock first, buy later, leave before anyone can redeem: not possible.
    function test_depositCancelsAnUnlock() public {
        deposit(1e18);
        vm.prank(buyer);
        escrow.requestUnlock();
        vm.warp(block.timestamp + 2 days);
        deposit(99e18);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(Escrow.Locked.selector, 0));
        escrow.withdrawAll(buyer);
    }

    function test_cancelUnlock() public {
        deposit(1e18);
        vm.startPrank(buyer);
        escrow.requestUnlock();
        escrow.cancelUnlock();
        vm.warp(block.timestamp + 2 days);
        vm.expectRevert(abi.encodeWithSelector(Escrow.Locked.selector, 0));
        escrow.withdrawAll(buyer);
        vm.stopPrank();
    }

    // ---- deposits, fees, construction

    function test_permitDepositsInOneStep() public {
        address who = vm.addr(0xA11CE);
        require(token.transfer(who, 10e18), "transfer");
        bytes32 inner = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                who, address(escrow), 10e18, 0, block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), inner));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(0xA11CE, digest);
        token.permit(who, address(escrow), 10e18, block.timestamp, v, r, s); // somebody was faster
        vm.prank(who);
        escrow.depositWithPermit(10e18, block.timestamp, v, r, s);
        eq(balanceOf(who), 10e18, "deposited");
    }

    function test_feesGoToTheSink() public {
        deposit(1000e18);
        Escrow.Voucher memory v = voucher(seller(0), 500e18);
        escrow.redeem(v, signVoucher(BUYER, v));
        eq(escrow.fees(), 5e18, "kept");
        escrow.flushFees();
        eq(token.balanceOf(SINK), 5e18, "flushed");
        escrow.flushFees();
        eq(token.balanceOf(SINK), 5e18, "flushed twice");
        eq(token.balanceOf(address(escrow)), balanceOf(buyer), "only the buyer's is left");
    }

    function test_construction() public {
        IERC20 t = IERC20(address(token));
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadFee.selector, 201));
        new Escrow(t, SINK, 201);
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadAddress.selector, address(0)));
        new Escrow(t, address(0), 100);
        vm.expectRevert(abi.encodeWithSelector(Escrow.BadAddress.selector, address(1)));
        new Escrow(IERC20(address(1)), SINK, 100);
        eq(new Escrow(t, SINK, 200).feeBps(), 200, "2 % is the most");
        eq(token.totalSupply(), SUPPLY, "supply");
    }

    // ---- what it costs

    function test_gas() public {
        vm.prank(buyer);
        escrow.deposit(1000e18);
        vm.snapshotGasLastCall("escrow", "deposit, first");
        vm.prank(buyer);
        escrow.delegate(grant(7, 500e18));
        vm.snapshotGasLastCall("escrow", "delegate");
        Escrow.Voucher memory v = voucher(seller(99), 1e18);
        escrow.redeem(v, signVoucher(DEVICE, v));
        vm.snapshotGasLastCall("escrow", "redeem, new seller, first of its device");
        v.total = 2e18;
        escrow.redeem(v, signVoucher(DEVICE, v));
        vm.snapshotGasLastCall("escrow", "redeem, returning seller");
        gasOf(1, 1e18, "settle, 1 new seller");
        gasOf(1, 2e18, "settle, 1 returning seller");
        gasOf(3, 3e18, "settle, 3 sellers, 2 new");
        gasOf(3, 4e18, "settle, 3 returning sellers");
        gasOf(100, 5e17, "settle, 97 new sellers, 3 paid up");
        gasOf(100, 5e18, "settle, 100 returning sellers");
    }

    function gasOf(uint256 count, uint96 total, string memory name) private {
        bytes memory p;
        for (uint256 i; i < count; ++i) {
            p = abi.encodePacked(p, seller(i), total);
        }
        bytes memory sig = signBatch(BUYER, buyer, 0, p);
        escrow.settle(buyer, 0, p, sig);
        vm.snapshotGasLastCall("escrow", name);
    }
}
