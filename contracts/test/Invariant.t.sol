// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {SNM} from "../src/SNM.sol";
import {Base} from "./Base.sol";

/// Three buyers with devices and four sellers do what they like. Calls that
/// would be refused are made possible first, so that nearly all of them act.
contract Crowd is Base {
    uint256 private constant BUYERS = 3;
    uint256 private constant SELLERS = 4;
    uint128 private constant MOST = 100e18;

    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public earned; // by sellers, net
    uint256 public flushed;
    uint256 public calls;
    mapping(address => mapping(uint32 => mapping(address => uint256))) public promised; // highest total

    constructor(SNM token_, Escrow escrow_) {
        (token, escrow) = (token_, escrow_);
    }

    function key(uint256 b) private pure returns (uint256) {
        return 0xB000 + b % BUYERS;
    }

    function who(uint256 b) public pure returns (address) {
        return vm.addr(key(b));
    }

    modifier counted() {
        ++calls;
        _;
    }

    function deposit(uint256 b, uint128 amount) external counted {
        amount %= MOST;
        vm.prank(who(b));
        escrow.deposit(amount);
        deposited += amount;
    }

    function redeem(uint256 b, uint256 s, uint128 total, bool byDevice) external counted {
        Escrow.Voucher memory v = Escrow.Voucher(who(b), seller(s % SELLERS), epochOf(who(b)), total % MOST);
        note(v.buyer, v.seller, v.epoch, v.total);
        uint256 k = byDevice ? key(b) + 0x100 : key(b);
        uint256 before = token.balanceOf(v.seller);
        escrow.redeem(v, signVoucher(k, v));
        earned += token.balanceOf(v.seller) - before;
    }

    function settle(uint256 b, uint96 t0, uint96 t1, bool byDevice) external counted {
        address a = who(b);
        (t0, t1) = (t0 % uint96(MOST), t1 % uint96(MOST));
        note(a, seller(0), epochOf(a), t0);
        note(a, seller(1), epochOf(a), t1);
        bytes memory p = abi.encodePacked(seller(0), t0, seller(1), t1);
        bytes memory sig = signBatch(byDevice ? key(b) + 0x100 : key(b), a, epochOf(a), p);
        uint256 before = token.balanceOf(seller(0)) + token.balanceOf(seller(1));
        escrow.settle(a, epochOf(a), p, sig);
        earned += token.balanceOf(seller(0)) + token.balanceOf(seller(1)) - before;
    }

    function leave(uint256 b, uint256 wait) external counted {
        (, uint64 at,) = escrow.accounts(who(b));
        if (at == 0) {
            vm.prank(who(b));
            escrow.requestUnlock();
            return;
        }
        vm.warp(block.timestamp + wait % 1 days);
        if (block.timestamp < at) return;
        withdrawn += balanceOf(who(b));
        vm.prank(who(b));
        escrow.withdrawAll(who(b));
    }

    function flush() external counted {
        flushed += escrow.fees();
        escrow.flushFees();
    }

    function note(address b, address s, uint32 epoch, uint256 total) private {
        if (total > promised[b][epoch][s]) promised[b][epoch][s] = total;
    }

    /// What Escrow owes to everybody.
    function owed() external view returns (uint256 sum) {
        for (uint256 b; b < BUYERS; ++b) sum += balanceOf(who(b));
        sum += escrow.fees();
    }

    /// No seller ever gets more than it was promised.
    function withinPromises() external view returns (bool) {
        for (uint256 b; b < BUYERS; ++b) {
            for (uint32 e; e <= epochOf(who(b)); ++e) {
                for (uint256 s; s < SELLERS; ++s) {
                    if (escrow.paid(who(b), e, seller(s)) > promised[who(b)][e][seller(s)]) return false;
                }
            }
        }
        return true;
    }
}

contract InvariantTest is Base {
    Crowd private crowd;

    function setUp() public {
        deploy();
        crowd = new Crowd(token, escrow);
        for (uint256 b; b < 3; ++b) {
            address who = crowd.who(b);
            give(who, 1_000_000e18);
            vm.prank(who);
            escrow.delegate(
                Escrow.Delegation(who, vm.addr(0xB100 + b), 4, 1_000_000e18, uint64(block.timestamp + 36500 days))
            );
        }
    }

    function targetContracts() external view returns (address[] memory only) {
        only = new address[](1);
        only[0] = address(crowd);
    }

    function invariant_everyTokenIsSomebodys() external view {
        eq(token.balanceOf(address(escrow)), crowd.owed(), "in Escrow");
    }

    function invariant_whatWentInCameOutOrIsThere() external view {
        uint256 out = crowd.withdrawn() + crowd.earned() + crowd.flushed();
        eq(crowd.deposited(), out + crowd.owed(), "deposited");
    }

    function invariant_nobodyIsPaidMoreThanPromised() external view {
        require(crowd.withinPromises(), "overpaid");
    }
}
