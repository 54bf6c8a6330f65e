// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {Base} from "./Base.sol";

/// The messages that Go signs (wallet/typed), hashed and accepted here.
contract VectorsTest is Base {
    string private json;
    address private signer;

    function setUp() public {
        deploy();
        json = vm.readFile("vectors/typed.json");
        vm.chainId(vm.parseJsonUint(json, ".chainId"));
        address at = vm.parseJsonAddress(json, ".contract");
        vm.etch(at, address(escrow).code); // immutables travel with the code
        escrow = Escrow(at);
        signer = vm.parseJsonAddress(json, ".signer");
        give(signer, 1_000_000e18);
    }

    function test_domain() public view {
        same(escrow.domainSeparator(), vm.parseJsonBytes32(json, ".separator"), "separator");
    }

    function test_delegationVoucherAndBatchAreAccepted() public {
        for (uint256 i; i < 3; ++i) leave(); // the vectors are of epoch 3
        Escrow.Delegation memory d = Escrow.Delegation(
            addr("Delegation.account"), addr("Delegation.device"), uint8(num("Delegation.purposes")),
            uint128(num("Delegation.cap")), uint64(num("Delegation.expiry"))
        );
        escrow.delegateBySig(d, raw("Delegation.sig"));
        (uint128 cap,,,,) = escrow.devices(d.account, d.device);
        eq(cap, d.cap, "cap");

        Escrow.Voucher memory v = Escrow.Voucher(
            addr("Voucher.buyer"), addr("Voucher.seller"), uint32(num("Voucher.epoch")), uint128(num("Voucher.total"))
        );
        escrow.redeem(v, raw("Voucher.sig"));
        eq(token.balanceOf(v.seller), net(v.total), "voucher");

        bytes memory payees = raw("Batch.payees");
        escrow.settle(addr("Batch.buyer"), uint32(num("Batch.epoch")), payees, raw("Batch.sig"));
        eq(balanceOf(signer), 0, "the batch asks for all there is");
    }

    function test_orders() public view {
        check("Ask", keccak256(bytes.concat(
            abi.encode(
                keccak256("Ask(address seller,address device,bytes32 peer,bytes32 addrs,uint128 price,uint32 slots,uint64 memory,uint64 expiry,uint64 nonce)"),
                addr("Ask.seller"), addr("Ask.device"), word("Ask.peer"), word("Ask.addrs")
            ),
            abi.encode(num("Ask.price"), num("Ask.slots"), num("Ask.memory"), num("Ask.expiry"), num("Ask.nonce"))
        )));
        check("Deal", keccak256(bytes.concat(
            abi.encode(
                keccak256("Deal(bytes32 job,bytes32 ask,address buyer,address seller,bytes32 module,bytes32 input,uint128 price,uint128 cap,bytes32 secret,uint64 expiry)"),
                word("Deal.job"), word("Deal.ask"), addr("Deal.buyer"), addr("Deal.seller")
            ),
            abi.encode(word("Deal.module"), word("Deal.input"), num("Deal.price"), num("Deal.cap"), word("Deal.secret"), num("Deal.expiry"))
        )));
        check("Receipt", keccak256(abi.encode(
            keccak256("Receipt(bytes32 deal,bytes32 task,uint32 attempt,bytes32 spec,bytes32 result,uint64 work,uint32 level)"),
            word("Receipt.deal"), word("Receipt.task"), num("Receipt.attempt"), word("Receipt.spec"),
            word("Receipt.result"), num("Receipt.work"), num("Receipt.level")
        )));
    }

    function check(string memory name, bytes32 inner) private view {
        same(inner, word(string.concat(name, ".structHash")), name);
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", escrow.domainSeparator(), inner));
        same(digest, word(string.concat(name, ".digest")), name);
    }

    function leave() private {
        vm.startPrank(signer);
        escrow.deposit(1000e18);
        escrow.requestUnlock();
        vm.warp(block.timestamp + 1 days);
        escrow.withdrawAll(signer);
        escrow.deposit(1000e18);
        vm.stopPrank();
    }

    function path(string memory p) private pure returns (string memory) {
        return string.concat(".messages.", p);
    }

    function addr(string memory p) private view returns (address) {
        return vm.parseJsonAddress(json, path(p));
    }

    function num(string memory p) private view returns (uint256) {
        return vm.parseJsonUint(json, path(p));
    }

    function word(string memory p) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, path(p));
    }

    function raw(string memory p) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, path(p));
    }

    function same(bytes32 got, bytes32 want, string memory what) private pure {
        require(got == want, what);
    }
}
